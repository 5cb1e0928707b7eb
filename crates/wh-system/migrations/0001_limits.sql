-- What the operator lets a company use at most. Where a number is null, or the row is missing, the limit of the house counts.
-- class: tenant
CREATE TABLE system_limit (
    tenant_id uuid NOT NULL,
    requests_per_min bigint,
    storage_bytes bigint,
    panels bigint,
    members bigint,
    set_by uuid NOT NULL,
    set_at micros NOT NULL,
    PRIMARY KEY (tenant_id)
);
