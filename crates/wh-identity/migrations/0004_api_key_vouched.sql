-- The person at whose word a key lives: whoever made it in a browser, also through other keys. Without one: who made it.
ALTER TABLE identity_api_key ADD COLUMN vouched_by uuid;
