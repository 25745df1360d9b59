"""Signing up and logging in."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from learning.accounts.forms import LoginForm, SignupForm
from learning.accounts.reporting import FAILURE_POINTS, THROTTLED_POINTS, report
from learning.accounts.throttle import address_of, count_failure, is_blocked, source_of


def signup(request: HttpRequest) -> HttpResponse:
    """Show the form, or make the learner and sign them in."""
    if request.method != 'POST':
        return render(request, 'accounts/signup.html', {'form': SignupForm()})
    form = SignupForm(request.POST)
    if not form.is_valid():
        return render(request, 'accounts/signup.html', {'form': form})
    login(request, form.save())
    return redirect(settings.LOGIN_REDIRECT_URL)


class Login(LoginView):
    """Django's login behind the throttle: a source with too many failures gets 429 before a password is looked at."""

    template_name = 'accounts/login.html'
    authentication_form = LoginForm

    def post(self, request: HttpRequest, *arguments: object, **options: object) -> HttpResponse:
        """Answer a form that was sent in."""
        address = address_of(request)
        if is_blocked(source_of(address)):
            report(address, 'goes on although it may not log in for now', THROTTLED_POINTS)
            minutes = settings.LOGIN_FAILURES_WINDOW_SECONDS // 60
            response = render(request, 'accounts/throttled.html', {'minutes': minutes}, status=429)
            response['Retry-After'] = str(settings.LOGIN_FAILURES_WINDOW_SECONDS)
            return response
        return super().post(request, *arguments, **options)

    def form_invalid(self, form: LoginForm) -> HttpResponse:
        """Count the failure and show the form again."""
        address = address_of(self.request)
        count_failure(source_of(address))
        report(address, 'failed to log in', FAILURE_POINTS)
        return self.render_to_response(self.get_context_data(form=form))
