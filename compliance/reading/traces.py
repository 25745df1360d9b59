"""Traces of persons: how a phone number and an identity number look, and questions that count them and name nobody."""

# Beside a letter it is a piece of a number of something, as of a request.
PHONE = '(^|[^0-9A-Za-z])1[3-9][0-9]{9}($|[^0-9A-Za-z])'
IDENTITY = (
    '(^|[^0-9A-Za-z])[1-9][0-9]{5}(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9Xx]($|[^0-9A-Za-z])'
)

LOOKED_AT = 2000
"""Rows of a table that are searched: the newest, for a search must not be felt."""

NUMBERS = """
SELECT json_build_object(
  'looked', count(*),
  'phone', json_agg(place) FILTER (WHERE phone > 0),
  'identity', json_agg(place) FILTER (WHERE identity > 0))
FROM (
  SELECT place, (xpath('/row/phone/text()', found))[1]::text::bigint AS phone,
    (xpath('/row/identity/text()', found))[1]::text::bigint AS identity
  FROM (
    SELECT c.table_name || '.' || c.column_name AS place, query_to_xml(format(
      'SELECT count(*) FILTER (WHERE v ~ %L) AS phone, count(*) FILTER (WHERE v ~ %L) AS identity FROM '
      '(SELECT ' || CASE c.data_type WHEN 'bytea' THEN 'encode(%I, ''escape'')' ELSE '%I::text' END ||
      ' AS v FROM %I.%I ORDER BY ctid DESC LIMIT <rows>) q',
      '<phone>', '<identity>', c.column_name, c.table_schema, c.table_name), false, true, '') AS found
    FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
    WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE'
      AND c.data_type IN ('text', 'character varying', 'json', 'jsonb', 'bytea')
      AND c.table_name !~ '^(auth_|django_(content_type|migrations))') x) s"""
NUMBERS = NUMBERS.replace('<rows>', str(LOOKED_AT)).replace('<phone>', PHONE).replace('<identity>', IDENTITY)
PERSONS = """
SELECT json_build_object(
  'named', (SELECT count(*) FROM accounts_learner WHERE first_name <> '' OR last_name <> '' OR email <> ''),
  'persons', count(*),
  'without_consent', count(*) FILTER (WHERE consent_version = '' OR consented_at IS NULL),
  'short', count(*) FILTER (WHERE least(octet_length(real_name), octet_length(identity_number),
    octet_length(mobile_phone)) < 28),
  'same', count(*) - count(DISTINCT mobile_phone))
FROM personal_personaldata"""
"""28 bytes are nonce and proof of AES-GCM: what is shorter was not sealed. Two of one ciphertext share a nonce."""
