"""The part of a form that asks who somebody is. No message of it repeats what was entered."""

from __future__ import annotations

import re
import unicodedata

from django import forms
from django.utils import timezone
from learning.language import say_later
from learning.personal.consent import AGREEMENT
from learning.personal.identity_number import is_identity_number
from learning.personal.person import Person

MOBILE_PHONE = re.compile(r'1[3-9][0-9]{9}')
# Names of several nationalities have a dot in them, which keyboards write in three ways.
NAME_DOTS = str.maketrans({'•': '·', '・': '·', '.': '·'})
NAME_MARKS = frozenset("· -'")
NAME_LENGTHS = range(2, 51)

BAD_NAME = say_later('请填写身份证上的姓名', 'Enter the name of your identity card')
BAD_NUMBER = say_later('身份证号不正确，请检查 18 位号码', 'This is no identity number; check its 18 characters')
BAD_PHONE = say_later('请填写 11 位手机号', 'Enter a mobile phone number of 11 digits')
MUST_AGREE = say_later('未同意则无法注册', 'Without consent there is no registration')
NOT_ACCEPTED = say_later(
    '此身份证号不能用于注册。若已有账号，请登录；若有疑问，请联系培训单位',
    'This identity number cannot be used. If you have an account, log in; if in doubt, ask who organises your training',
)


class PersonFields(forms.Form):
    """Real name, identity number, mobile phone and consent."""

    real_name = forms.CharField(max_length=50)
    identity_number = forms.CharField(max_length=30)
    mobile_phone = forms.CharField(max_length=20)
    consent = forms.BooleanField(error_messages={'required': MUST_AGREE})

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)
        self.fields['real_name'].label = say_later('真实姓名', 'Real name')
        self.fields['real_name'].help_text = say_later('与身份证一致', 'As on your identity card')
        self.fields['real_name'].widget.attrs['autocomplete'] = 'name'
        self.fields['identity_number'].label = say_later('身份证号', 'Identity number')
        # A shared computer of a training room must not offer it to whoever comes next.
        self.fields['identity_number'].widget.attrs['autocomplete'] = 'off'
        self.fields['mobile_phone'].label = say_later('手机号', 'Mobile phone')
        self.fields['mobile_phone'].widget.input_type = 'tel'
        self.fields['mobile_phone'].widget.attrs['autocomplete'] = 'tel-national'
        self.fields['consent'].label = AGREEMENT

    def clean_real_name(self) -> str:
        """Return the name in one spelling. Raise ValidationError."""
        name = ' '.join(unicodedata.normalize('NFC', self.cleaned_data['real_name']).split()).translate(NAME_DOTS)
        letters = all(
            character in NAME_MARKS or unicodedata.category(character)[0] in 'LM' for character in name
        ) and any(character.isalpha() for character in name)
        if len(name) not in NAME_LENGTHS or not letters:
            raise forms.ValidationError(BAD_NAME)
        return name

    def clean_identity_number(self) -> str:
        """Return the number in one spelling. Raise ValidationError."""
        number = _plain(self.cleaned_data['identity_number']).upper()
        if not is_identity_number(number, timezone.localdate()):
            raise forms.ValidationError(BAD_NUMBER)
        return number

    def clean_mobile_phone(self) -> str:
        """Return the eleven digits. Raise ValidationError."""
        phone = _plain(self.cleaned_data['mobile_phone']).replace('-', '').removeprefix('+86')
        if not MOBILE_PHONE.fullmatch(phone):
            raise forms.ValidationError(BAD_PHONE)
        return phone

    def person(self) -> Person:
        """Given that the form is valid, return who it was filled in by."""
        return Person(**{name: self.cleaned_data[name] for name in ('real_name', 'identity_number', 'mobile_phone')})


def _plain(text: str) -> str:
    # Full-width digits of a Chinese keyboard are digits, and people group numbers.
    return ''.join(unicodedata.normalize('NFKC', text).split())
