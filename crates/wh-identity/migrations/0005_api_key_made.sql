-- Which key made which. A line outlives both keys, so that whoever learns late that a key leaked still finds what it led to: a key ends
-- no later than the one that made it, so the line is needed until its own end only. Keys that people made have none.

-- class: global
CREATE TABLE identity_api_key_made (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL REFERENCES identity_tenant (id),
    made_by uuid NOT NULL,
    made_by_public_id text NOT NULL,
    maker_user_id uuid NOT NULL,
    expires_at micros NOT NULL,
    PRIMARY KEY (id)
);

CREATE INDEX identity_api_key_made_by ON identity_api_key_made (tenant_id, made_by);
CREATE INDEX identity_api_key_made_maker ON identity_api_key_made (tenant_id, maker_user_id);
CREATE INDEX identity_api_key_made_expires ON identity_api_key_made (expires_at);
