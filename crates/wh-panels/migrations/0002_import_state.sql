-- At start those that were running are looked for.
CREATE INDEX panels_import_by_state ON panels_import (state);
