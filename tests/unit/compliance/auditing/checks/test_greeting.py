"""Checks for the tests of what runs checks: a host is asked how it greets."""

from compliance.checking import clauses, kernel_wide, not_applicable, not_verified, tiers, violation
from compliance.violation import answered, run


@clauses('test-1')
@violation(run('rude', 'polite'))
def test_it_greets(host):
    assert host.run('greet').stdout == 'hello', f'it says {host.run("greet").stdout}'


@clauses('test-1')
@violation(run('rude', 'polite'))
def test_it_greets_by_name(host, expected):
    # The second question depends on the first answer.
    name = host.run('name').stdout
    assert host.run('greet %s', name).stdout == f'hello {name}', 'it does not know the name'
    assert name == expected.name, f'its name is {name}'


@clauses('test-2')
@tiers('data')
def test_a_database_greets(host):
    assert host.run('greet').stdout == 'hello'


@clauses('test-2')
@kernel_wide
@violation(answered('kernel', 'rude'))
def test_the_kernel_greets(host):
    assert host.run('kernel').stdout == 'hello', 'the kernel is rude'


@clauses('test-3')
def test_what_cannot_be_seen(host):
    not_verified('it is dark')


@clauses('test-3')
def test_what_is_no_concern(host):
    not_applicable('it has no voice')


@clauses('test-3')
@violation(run('rude', 'polite'))
def test_it_sings(host):
    if not host.run('voice').stdout:
        not_applicable('it has no voice')


@clauses('test-4')
def test_it_breaks(host):
    assert {}['nothing']
