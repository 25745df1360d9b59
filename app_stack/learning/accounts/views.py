"""Signing up and logging in."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.views import LoginView
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from learning.accounts.forms import LoginForm, SignupForm
from learning.accounts.reporting import FAILURE_POINTS, THROTTLED_POINTS, report
from learning.accounts.throttle import address_of, count_failure, is_blocked, source_of, throttled
from learning.personal.consent import PURPOSE
from learning.personal.forms import NOT_ACCEPTED
from learning.personal.registering import AlreadyRegistered, register_person


@sensitive_post_parameters()
@never_cache
def signup(request: HttpRequest) -> HttpResponse:
    """Show the form, or make the learner with their personal data, both or neither, and sign them in."""
    if request.method != 'POST':
        return _form(request, SignupForm())
    source = source_of(address_of(request))
    if is_blocked(source):
        return throttled(request)
    form = SignupForm(request.POST)
    if not form.is_valid():
        return _form(request, form)
    try:
        with transaction.atomic():
            learner = form.save()
            register_person(learner, form.person())
    except AlreadyRegistered:
        # The answer tells that a number is known here, so it is given only so often.
        count_failure(source)
        form.add_error('identity_number', NOT_ACCEPTED)
        return _form(request, form)
    login(request, learner)
    return redirect(settings.LOGIN_REDIRECT_URL)


def _form(request: HttpRequest, form: SignupForm) -> HttpResponse:
    return render(request, 'accounts/signup.html', {'form': form, 'purpose': PURPOSE})


class Login(LoginView):
    """Django's login behind the throttle: a source with too many failures gets 429 before a password is looked at."""

    template_name = 'accounts/login.html'
    authentication_form = LoginForm

    def post(self, request: HttpRequest, *arguments: object, **options: object) -> HttpResponse:
        """Answer a form that was sent in."""
        address = address_of(request)
        if is_blocked(source_of(address)):
            report(address, 'goes on although it may not log in for now', THROTTLED_POINTS)
            return throttled(request)
        return super().post(request, *arguments, **options)

    def form_invalid(self, form: LoginForm) -> HttpResponse:
        """Count the failure and show the form again."""
        address = address_of(self.request)
        count_failure(source_of(address))
        report(address, 'failed to log in', FAILURE_POINTS)
        return self.render_to_response(self.get_context_data(form=form))
