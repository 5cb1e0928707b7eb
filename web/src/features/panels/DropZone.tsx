// Takes a file that is dropped anywhere on the page; shows where it would go while it hovers.
import { FileUp, ShieldX } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import classes from './DropZone.module.css';

export function DropZone({
  label,
  refused,
  onFile,
}: {
  label: string;
  /** Why files are not taken here, or null. */
  refused: string | null;
  onFile: (file: File) => void;
}) {
  const [over, setOver] = useState(false);
  const latest = useRef({ refused, onFile });
  useEffect(() => {
    latest.current = { refused, onFile };
  });
  useEffect(() => {
    let depth = 0;
    const holdsFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') === true;
    const enter = (event: DragEvent) => {
      if (!holdsFiles(event)) return;
      depth += 1;
      setOver(true);
    };
    const leave = (event: DragEvent) => {
      if (!holdsFiles(event)) return;
      depth -= 1;
      if (depth <= 0) setOver(false);
    };
    const hover = (event: DragEvent) => {
      if (!holdsFiles(event) || !event.dataTransfer) return;
      event.preventDefault();
      event.dataTransfer.dropEffect = latest.current.refused ? 'none' : 'copy';
    };
    const drop = (event: DragEvent) => {
      if (!holdsFiles(event)) return;
      event.preventDefault();
      depth = 0;
      setOver(false);
      const file = event.dataTransfer?.files[0];
      if (file && !latest.current.refused) latest.current.onFile(file);
    };
    window.addEventListener('dragenter', enter);
    window.addEventListener('dragleave', leave);
    window.addEventListener('dragover', hover);
    window.addEventListener('drop', drop);
    return () => {
      window.removeEventListener('dragenter', enter);
      window.removeEventListener('dragleave', leave);
      window.removeEventListener('dragover', hover);
      window.removeEventListener('drop', drop);
    };
  }, []);
  if (!over) return null;
  return (
    <div className={classes.over} data-refused={refused !== null || undefined}>
      <div className={classes.box}>
        {refused ? <ShieldX size={30} aria-hidden /> : <FileUp size={30} aria-hidden />}
        <b>{refused ? 'Not for you' : label}</b>
        <span>{refused ?? 'CSV, TSV or NDJSON. Nothing is stored before you have seen how it is read.'}</span>
      </div>
    </div>
  );
}
