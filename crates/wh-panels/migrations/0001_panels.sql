-- class: tenant
CREATE TABLE panels_panel (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  title text NOT NULL,
  title_key text NOT NULL,
  dataset_id uuid NOT NULL,
  version bigint NOT NULL,
  row_count bigint NOT NULL,
  columns json NOT NULL,
  created_at micros NOT NULL,
  updated_at micros NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX panels_panel_by_title ON panels_panel (tenant_id, title_key, id);

-- class: tenant
CREATE TABLE panels_import (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  panel_id uuid NOT NULL,
  mode text NOT NULL,
  state text NOT NULL,
  file_name text,
  row_count bigint NOT NULL,
  bad_line_count bigint NOT NULL,
  bad_lines_path text,
  byte_count bigint NOT NULL,
  version bigint,
  problem_code text,
  problem_detail text,
  started_by uuid NOT NULL,
  started_at micros NOT NULL,
  ended_at micros,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, panel_id) REFERENCES panels_panel (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX panels_import_by_panel ON panels_import (tenant_id, panel_id, id);
