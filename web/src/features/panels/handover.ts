// A file that was dropped on one page and is read on the next. Files cannot stand in an address.
let waiting: File | null = null;

export function handOver(file: File): void {
  waiting = file;
}

/** Takes the file, once. */
export function takeOver(): File | null {
  const file = waiting;
  waiting = null;
  return file;
}
