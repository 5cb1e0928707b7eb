// Copies a text and says so in place.
import { ActionIcon, Tooltip } from '@mantine/core';
import { Check, Copy } from 'lucide-react';
import { useEffect, useState } from 'react';
import { copyText } from '@/lib/clipboard';

const SAID_FOR_MS = 1_500;

export function CopyButton({ text, label = 'Copy' }: { text: string; label?: string }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = window.setTimeout(() => setCopied(false), SAID_FOR_MS);
    return () => window.clearTimeout(timer);
  }, [copied]);
  return (
    <Tooltip label={copied ? 'Copied' : label}>
      <ActionIcon
        size={24}
        aria-label={copied ? 'Copied' : label}
        onClick={async () => setCopied(await copyText(text))}
      >
        {copied ? <Check size={14} color="var(--wh-ok)" /> : <Copy size={14} />}
      </ActionIcon>
    </Tooltip>
  );
}
