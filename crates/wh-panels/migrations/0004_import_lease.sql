-- Which node reads the file, and until when it must say so again. Rows of before have neither: nobody reads them.
ALTER TABLE panels_import ADD COLUMN node uuid;
ALTER TABLE panels_import ADD COLUMN leased_until micros;
