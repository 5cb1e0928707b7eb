-- How many of the bad lines are kept, and the keys of a file of JSON objects that went into no column.
ALTER TABLE panels_import ADD COLUMN bad_lines_kept bigint NOT NULL DEFAULT 0;
ALTER TABLE panels_import ADD COLUMN unknown_keys json;
-- Of those before nobody counted what was kept: it ended at 50,000 lines, or earlier where they were long.
UPDATE panels_import SET bad_lines_kept = CASE WHEN bad_line_count < 50000 THEN bad_line_count ELSE 50000 END
  WHERE bad_lines_path IS NOT NULL;
