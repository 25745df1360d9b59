"""The report on backups for auditors: a page that opens offline, and paper, in Chinese and in English."""
