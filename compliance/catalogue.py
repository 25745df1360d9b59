"""The catalogue: every clause, read from its files; all that is wrong with them at once, each with its path."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import ValidationError

from anlan.errors import BadInput, InvalidFile, Problem
from compliance.clause import Chapter, Clause

FOLDER = Path(__file__).parent / 'clauses'


@dataclass(frozen=True)
class Catalogue:
    """Chapters in the order of their files."""

    chapters: tuple[Chapter, ...]
    files: tuple[str, ...] = ()

    def clauses(self) -> list[Clause]:
        """Return every clause, in order."""
        return [clause for chapter in self.chapters for clause in chapter.clauses]

    def clause(self, name: str) -> Clause:
        """Given an id, return its clause. Raise BadInput, with those whose id is like it."""
        every = self.clauses()
        found = next((clause for clause in every if clause.id == name), None)
        if found is None:
            like = [clause.id for clause in every if name.lower() in clause.id][:8]
            raise BadInput(f'there is no clause {name!r}' + (f'; like it are {", ".join(like)}' if like else ''))
        return found


def load_catalogue(folder: Path = FOLDER) -> Catalogue:
    """Given the folder of its files, return the catalogue. Raise InvalidFile with all problems, or BadInput."""
    problems: list[Problem] = []
    chapters: list[Chapter] = []
    places: dict[str, str] = {}
    files = sorted(folder.glob('*.yaml'))
    if not files:
        raise BadInput(f'{folder}: there are no clauses')
    for file in files:
        try:
            chapter = Chapter.model_validate(yaml.safe_load(file.read_text(encoding='utf-8')))
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f'{file}: cannot be read: {error}') from None
        except yaml.YAMLError as error:
            problems.append(Problem(file.name, 'is no YAML: ' + ' '.join(str(error).split())))
            continue
        except ValidationError as error:
            problems += [
                Problem(f'{file.name}: ' + '.'.join(map(str, each['loc'])), each['msg'].removeprefix('Value error, '))
                for each in error.errors()
            ]
            continue
        if not chapter.clauses:
            problems.append(Problem(f'{file.name}: clauses', 'there is none'))
        chapters.append(chapter)
        problems += _repeated(file.name, chapter.clauses, places)
    if problems:
        raise InvalidFile(str(folder), problems)
    return Catalogue(tuple(chapters), tuple(file.name for file in files))


def require_checks(catalogue: Catalogue, checks: Collection[str]) -> None:
    """Given the catalogue and the names of all checks, raise InvalidFile with the path of each that is not there."""
    problems = [
        Problem(f'{file}: clauses.{index}.proofs.checks.{place}', f'there is no check {name} (of {clause.id})')
        for file, chapter in zip(catalogue.files, catalogue.chapters, strict=True)
        for index, clause in enumerate(chapter.clauses)
        for place, name in enumerate(clause.proofs.checks)
        if name not in checks
    ]
    if problems:
        raise InvalidFile(str(FOLDER), problems)


def _repeated(file: str, clauses: Sequence[Clause], places: dict[str, str]) -> list[Problem]:
    problems = []
    for index, clause in enumerate(clauses):
        if clause.id in places:
            problems.append(
                Problem(f'{file}: clauses.{index}.id', f'{clause.id} stands in {places[clause.id]} already')
            )
        places.setdefault(clause.id, file)
    return problems
