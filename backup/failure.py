"""Why a backup or a restore did not do what it should: a class that a machine reads, a sentence for people."""

from __future__ import annotations

from enum import Enum

from anlan.errors import EXIT_BUSY, EXIT_FAILED, AnlanError


class ExitClass(Enum):
    """What went wrong, by name; the value is the exit code that a shell sees."""

    FAILED = EXIT_FAILED
    LOCKED = EXIT_BUSY
    NO_REPOSITORY = 10
    WRONG_PASSWORD = 11
    NO_SPACE = 12
    UNREACHABLE = 13
    CORRUPT = 14
    DEADLINE = 15
    INCOMPLETE = 16
    NO_SNAPSHOT = 17
    TARGET_REFUSED = 18
    CLOCK = 19
    NO_SOURCE = 20
    REFUSED = 21

    @property
    def word(self) -> str:
        """Return the class as it stands in JSON, metrics and alerts: lower case, with hyphens."""
        return self.name.lower().replace('_', '-')


MEANING: dict[ExitClass, str] = {
    ExitClass.FAILED: 'failed for a reason that has no class of its own',
    ExitClass.LOCKED: 'another job works on the repository',
    ExitClass.NO_REPOSITORY: 'there is no repository in that place',
    ExitClass.WRONG_PASSWORD: 'the repository does not open with this password or key',
    ExitClass.NO_SPACE: 'the place is full',
    ExitClass.UNREACHABLE: 'the place does not answer, or not in time',
    ExitClass.CORRUPT: 'what is kept is damaged',
    ExitClass.DEADLINE: 'not done within its deadline',
    ExitClass.INCOMPLETE: 'a part of the source could not be read',
    ExitClass.NO_SNAPSHOT: 'there is no such snapshot, or not any more',
    ExitClass.TARGET_REFUSED: 'nothing is restored there: it is a live path, not empty, or in use',
    ExitClass.CLOCK: 'the clocks of the two sides are too far apart',
    ExitClass.NO_SOURCE: 'what is to be backed up does not exist',
    ExitClass.REFUSED: 'the place does not allow it with these credentials',
}


class BackupFailed(AnlanError):
    """A backup, a verification or a restore failed; nothing that was kept before is lost by it."""

    def __init__(self, exit_class: ExitClass, sentence: str) -> None:
        self.exit_class = exit_class
        self.exit_code = exit_class.value
        super().__init__(sentence)
