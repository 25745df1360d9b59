"""The forms of signing up and logging in."""

from __future__ import annotations

from django.contrib.auth.forms import AuthenticationForm, UserCreationForm
from learning.accounts.models import Learner
from learning.language import say_later
from learning.personal.forms import PersonFields

USERNAME = say_later('用户名', 'User name')
PASSWORD = say_later('密码', 'Password')


class SignupForm(PersonFields, UserCreationForm):
    """A new learner: a name to log in with, a password of at least eight characters, and who they are."""

    field_order = ('username', 'password1', 'password2', 'real_name', 'identity_number', 'mobile_phone', 'consent')

    class Meta:
        model = Learner
        fields = ('username',)

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)
        self.fields['username'].label = USERNAME
        self.fields['username'].help_text = say_later(
            '用于登录，请不要使用真实姓名或身份证号', 'To log in with; not your real name or identity number'
        )
        self.fields['password1'].label = PASSWORD
        self.fields['password1'].help_text = say_later('至少 8 个字符', 'At least 8 characters')
        self.fields['password2'].label = say_later('再次输入密码', 'Password again')
        self.fields['password2'].help_text = ''

    def clean(self) -> dict[str, object]:
        """Refuse a user name that is personal data: it stands unencrypted in the database. Raise ValidationError."""
        cleaned: dict[str, object] = super().clean() or self.cleaned_data
        username = str(cleaned.get('username') or '').upper()
        for name in ('real_name', 'identity_number', 'mobile_phone'):
            if cleaned.get(name) and str(cleaned[name]).upper() in username:
                self.add_error('username', USERNAME_IS_PERSONAL)
                break
        return cleaned


USERNAME_IS_PERSONAL = say_later(
    '用户名不能包含真实姓名、身份证号或手机号', 'A user name cannot hold your name, identity number or phone'
)


class LoginForm(AuthenticationForm):
    """A learner who comes back."""

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)
        self.fields['username'].label = USERNAME
        self.fields['password'].label = PASSWORD
