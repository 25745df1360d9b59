"""Confirming: a platform's name is typed before something is done that nobody does by mistake."""

from __future__ import annotations

import typer

from anlan.errors import BadInput


def confirm_by_name(name: str, what: str, otherwise: str = 'nothing was done') -> None:
    """Given a platform's name and a sentence of what is done, have the name typed. Raise BadInput if another is."""
    typed = typer.prompt(f'{what}. Type the name of the platform to go on', err=True).strip()
    if typed != name:
        raise BadInput(f'{typed!r} is not {name}; {otherwise}')
