// Step one: the file. Dropped anywhere on the page, or chosen.
import { Button, FileButton } from '@mantine/core';
import { FileUp } from 'lucide-react';
import { DropZone } from '../DropZone';
import classes from './Wizard.module.css';

const ACCEPT =
  '.csv,.tsv,.tab,.txt,.ndjson,.jsonl,.ldjson,text/csv,text/tab-separated-values,application/x-ndjson';

export function FileStep({ onFile }: { onFile: (file: File) => void }) {
  return (
    <>
      <DropZone refused={null} label="Drop it to see how it is read" onFile={onFile} />
      <div className={classes.file}>
        <FileUp size={34} strokeWidth={1.5} color="var(--wh-text-3)" aria-hidden />
        <p className={classes.fileTitle}>Drop a file anywhere on this page</p>
        <p className={classes.fileText}>
          CSV, TSV or NDJSON, of any size. Delimiter, header and types are detected; you correct them before
          anything is stored.
        </p>
        <FileButton
          accept={ACCEPT}
          onChange={(file) => file && onFile(file)}
          inputProps={{ 'aria-label': 'File to import' }}
        >
          {(props) => (
            <Button {...props} variant="filled" autoFocus>
              Choose a file
            </Button>
          )}
        </FileButton>
      </div>
    </>
  );
}
