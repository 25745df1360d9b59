"""systemd's units for the tasks of a host, as text. A timer and a service a task; the agent sees to it that no two
work on one repository at once (flock), so units need no order among themselves.
"""

from __future__ import annotations

from backup.on_calendar import for_systemd
from backup.task import HostPlan, Task

PREFIX = 'anlan-backup-'
PROGRAM = '/usr/local/lib/anlan/backup.pyz'
JOBS = '/etc/anlan/backup/jobs.json'
KILL_AFTER_SECONDS = 60
"""How long a task may take to end by itself after its deadline, before systemd ends it."""

ACCURACY_SECONDS = 1


def unit_name(task: Task) -> str:
    """Given a task, return the name of its units, without their ending."""
    return f'{PREFIX}{task.name}'


def timer(task: Task) -> str:
    """Given a task, return its timer. A run that was missed is made up for at the next start of the host."""
    return f"""[Unit]
Description=When to run: backup, {task.policy}, {task.kind}

[Timer]
OnCalendar={for_systemd(task.on_calendar)}
RandomizedDelaySec={task.randomised_delay_seconds}
# The same delay each time, so that two runs are as far apart as the schedule says.
FixedRandomDelay=true
AccuracySec={ACCURACY_SECONDS}
Persistent=true

[Install]
WantedBy=timers.target
"""


def service(task: Task) -> str:
    """Given a task, return its service: the agent with the task's name, at the lowest priority, with a deadline."""
    return f"""[Unit]
Description=Backup: {task.policy}, {task.kind}
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
ExecStart=/usr/bin/python3 -B {PROGRAM} task {task.name}
# The agent ends itself at its deadline of {task.deadline_seconds} s, counted from when it has the repository.
TimeoutStartSec={waiting_seconds(task) + task.deadline_seconds + KILL_AFTER_SECONDS}
TimeoutStopSec={KILL_AFTER_SECONDS}
UMask=0077
Nice=10
IOSchedulingClass=idle
CPUWeight=20
PrivateTmp=true
NoNewPrivileges=true
"""


def waiting_seconds(task: Task) -> int:
    """Given a task, return how long it may wait for another that works on the same repository."""
    return task.deadline_seconds


def unit_files(plan: HostPlan) -> dict[str, str]:
    """Given what a host does, return the text of each unit by its file's name."""
    files: dict[str, str] = {}
    for task in plan.tasks:
        files[f'{unit_name(task)}.timer'] = timer(task)
        files[f'{unit_name(task)}.service'] = service(task)
    return files
