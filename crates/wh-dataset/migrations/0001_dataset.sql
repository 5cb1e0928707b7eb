-- A dataset: how many commits it has seen, and which of them is the newest.
-- class: tenant
CREATE TABLE dataset_dataset (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    version bigint NOT NULL,
    version_id uuid,
    created_at micros NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

-- What a commit left: schema and size. The id is new for each commit, also where a number comes again after a rollback.
-- class: tenant
CREATE TABLE dataset_version (
    tenant_id uuid NOT NULL,
    dataset_id uuid NOT NULL,
    version bigint NOT NULL,
    id uuid NOT NULL,
    row_count bigint NOT NULL,
    columns json NOT NULL,
    bad_lines json NOT NULL,
    bad_path text,
    created_at micros NOT NULL,
    PRIMARY KEY (tenant_id, dataset_id, version),
    FOREIGN KEY (tenant_id, dataset_id) REFERENCES dataset_dataset (tenant_id, id)
);

-- Rows on the object store, and the versions that they are part of: from first_version until before gone_version.
-- class: tenant
CREATE TABLE dataset_segment (
    tenant_id uuid NOT NULL,
    dataset_id uuid NOT NULL,
    id uuid NOT NULL,
    first_version bigint NOT NULL,
    place bigint NOT NULL,
    path text NOT NULL,
    row_count bigint NOT NULL,
    byte_count bigint NOT NULL,
    gone_version bigint,
    gone_at micros,
    PRIMARY KEY (tenant_id, dataset_id, id),
    FOREIGN KEY (tenant_id, dataset_id) REFERENCES dataset_dataset (tenant_id, id)
);
CREATE INDEX dataset_segment_gone ON dataset_segment (gone_at);
