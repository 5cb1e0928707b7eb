-- The size of the kept bad lines: they lie on the object store like rows, and count like them.
ALTER TABLE dataset_version ADD COLUMN bad_bytes bigint NOT NULL DEFAULT 0;
UPDATE dataset_version SET bad_bytes = COALESCE(CAST(jsonb_extract_path_text(bad_lines, 'bytes') AS bigint), 0);
