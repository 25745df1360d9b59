"""The report: an assessment for people, as a page that opens offline and as paper, in Chinese and in English."""
