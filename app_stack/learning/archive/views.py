"""The learner's own records."""

from __future__ import annotations

import json

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_safe
from learning.archive.models import ArchiveRecord


@require_safe
@login_required
def archive_page(request: HttpRequest) -> HttpResponse:
    """Show what the learner has completed."""
    records = [
        {
            'record': record,
            'course': record.course,
            'completed_at': parse_datetime(json.loads(record.content)['completed_at']),
        }
        for record in ArchiveRecord.objects.filter(learner=request.user).select_related('course')
    ]
    return render(request, 'archive/list.html', {'records': records})
