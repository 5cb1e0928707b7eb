-- The imports of all panels of a company, by state: what runs, what failed.
CREATE INDEX panels_import_by_tenant_state ON panels_import (tenant_id, state, id);
