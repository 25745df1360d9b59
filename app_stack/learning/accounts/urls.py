from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import path
from learning.accounts.views import Login, signup

urlpatterns = [
    path('signup/', signup, name='signup'),
    path('login/', Login.as_view(), name='login'),
    path('logout/', LogoutView.as_view(), name='logout'),
]
