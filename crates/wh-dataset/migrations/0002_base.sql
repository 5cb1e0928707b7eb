-- A version is made of the segments from its base to itself: to replace all rows is one number, however many segments there
-- were. The sweep marks and removes them later, some at a time; the same for a dataset that was deleted.
ALTER TABLE dataset_version ADD COLUMN base_version bigint NOT NULL DEFAULT 0;
ALTER TABLE dataset_dataset ADD COLUMN base_version bigint NOT NULL DEFAULT 0;
ALTER TABLE dataset_dataset ADD COLUMN based_at micros;
ALTER TABLE dataset_dataset ADD COLUMN marked_version bigint NOT NULL DEFAULT 0;
ALTER TABLE dataset_dataset ADD COLUMN deleted_at micros;
