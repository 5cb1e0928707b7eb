-- The size of the kept bad lines: they lie on the object store like rows, and count like them.
ALTER TABLE dataset_version ADD COLUMN bad_bytes INTEGER NOT NULL DEFAULT 0;
UPDATE dataset_version SET bad_bytes = COALESCE(json_extract(bad_lines, '$.bytes'), 0);
