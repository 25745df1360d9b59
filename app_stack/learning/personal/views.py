"""A learner's own page: who they are registered as, masked, or the form for those from before."""

from __future__ import annotations

import logging

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from learning.accounts.throttle import address_of, count_failure, is_blocked, source_of, throttled
from learning.personal.cipher import Undecipherable
from learning.personal.consent import PURPOSE
from learning.personal.forms import NOT_ACCEPTED, PersonFields
from learning.personal.models import PersonalData
from learning.personal.person import MaskedPerson
from learning.personal.registering import AlreadyRegistered, read_person, register_person

LOG = logging.getLogger(__name__)


@sensitive_post_parameters()
@never_cache
@login_required
def my_data(request: HttpRequest) -> HttpResponse:
    """Show what is kept of the learner, masked. Who has given nothing yet may do so here."""
    row = PersonalData.objects.filter(learner=request.user).first()
    if row is not None:
        return render(request, 'personal/my_data.html', {'person': _masked(row), 'row': row})
    source = source_of(address_of(request))
    if request.method == 'POST' and is_blocked(source):
        return throttled(request)
    form = PersonFields(request.POST if request.method == 'POST' else None)
    if request.method == 'POST' and form.is_valid():
        try:
            register_person(request.user, form.person())
            return redirect('my-data')
        except AlreadyRegistered:
            count_failure(source)
            form.add_error('identity_number', NOT_ACCEPTED)
    return render(request, 'personal/complete.html', {'form': form, 'purpose': PURPOSE})


def _masked(row: PersonalData) -> MaskedPerson | None:
    try:
        return read_person(row).masked()
    except Undecipherable as error:
        # A host that has not got the new key yet, or a row that was tampered with: nothing is shown.
        LOG.error('%s', error)
        return None
