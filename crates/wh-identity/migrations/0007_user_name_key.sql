-- People are looked for by name whatever the case, and SQLite knows the case of ASCII only: the name in lower case stands beside it. Null
-- until it was written for who came in by an older build, and the name alone is looked through until then.
ALTER TABLE identity_user ADD COLUMN name_key text;

CREATE INDEX identity_user_name_key ON identity_user (name_key);
