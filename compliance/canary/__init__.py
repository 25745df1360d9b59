"""The canary: a person who is nobody registers, and is then searched for, in plain text, on every host.

`examine` does all of it. `search_hosts` and `judge` are its halves: one touches hosts, the other judges.
"""

from __future__ import annotations

from compliance.canary.examining import Hosts, examine
from compliance.canary.front_door import Step, register
from compliance.canary.judging import Canary, Place, judge, places_of
from compliance.canary.needle import CanaryPerson, Needle, Purpose, control_needle
from compliance.canary.searching import Hit, HostSearch, search_hosts

__all__ = [
    'Canary', 'CanaryPerson', 'Hit', 'HostSearch', 'Hosts', 'Needle', 'Place', 'Purpose', 'Step', 'control_needle',
    'examine', 'judge', 'places_of', 'register', 'search_hosts',
]  # fmt: skip
