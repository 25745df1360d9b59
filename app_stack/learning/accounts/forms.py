"""The forms of signing up and logging in."""

from __future__ import annotations

from django.contrib.auth.forms import AuthenticationForm, UserCreationForm
from learning.accounts.models import Learner
from learning.language import say_later

USERNAME = say_later('用户名', 'User name')
PASSWORD = say_later('密码', 'Password')


class SignupForm(UserCreationForm):
    """A new learner: a name and a password of at least eight characters."""

    class Meta:
        model = Learner
        fields = ('username',)

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)
        self.fields['username'].label = USERNAME
        self.fields['password1'].label = PASSWORD
        self.fields['password1'].help_text = say_later('至少 8 个字符', 'At least 8 characters')
        self.fields['password2'].label = say_later('再次输入密码', 'Password again')
        self.fields['username'].help_text = ''
        self.fields['password2'].help_text = ''


class LoginForm(AuthenticationForm):
    """A learner who comes back."""

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)
        self.fields['username'].label = USERNAME
        self.fields['password'].label = PASSWORD
