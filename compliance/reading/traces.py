"""Traces of persons: how a phone number and an identity number look among other text."""

# Beside a letter it is a piece of a number of something, as of a request.
PHONE = '(^|[^0-9A-Za-z])1[3-9][0-9]{9}($|[^0-9A-Za-z])'
IDENTITY = (
    '(^|[^0-9A-Za-z])[1-9][0-9]{5}(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9Xx]($|[^0-9A-Za-z])'
)
