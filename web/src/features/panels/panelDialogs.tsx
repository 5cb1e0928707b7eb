// Small dialogs about one panel: make, rename, delete.
import { Stack, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '@/api/client';
import { useMe } from '@/api/identity';
import { type Panel, panelQuery } from '@/api/panels';
import { plural } from '@/lib/format';
import { forget } from '@/lib/recent';
import { Confirm } from '@/ui/Confirm';
import { Dialog } from '@/ui/Dialog';
import { DialogFoot } from '@/ui/DialogFoot';
import { useSend } from '@/ui/form';
import { showDone } from '@/ui/toast';

const TITLE_LENGTH_MAX = 80;
export const titleRule = (title: string): string | null => {
  const length = [...title.trim()].length;
  return length >= 1 && length <= TITLE_LENGTH_MAX ? null : `1 to ${TITLE_LENGTH_MAX} characters`;
};

interface Titling {
  title: string;
  action: string;
  onSend: (title: string) => Promise<unknown>;
  onClose: () => void;
}

function TitleDialog({ heading, ...titling }: Titling & { heading: string }) {
  return (
    <Dialog onClose={titling.onClose} title={heading} size={420}>
      <TitleForm {...titling} />
    </Dialog>
  );
}

function TitleForm({ title, action, onSend, onClose }: Titling) {
  const form = useForm({ initialValues: { title }, validate: { title: titleRule } });
  const { error, busy, submit, keys } = useSend(form, async (values) => {
    await onSend(values.title.trim());
    onClose();
  });
  return (
    <form onSubmit={submit} noValidate {...keys}>
      <Stack gap="sm">
        <TextInput label="Title" data-autofocus autoComplete="off" {...form.getInputProps('title')} />
        <DialogFoot error={error} busy={busy} onClose={onClose} action={action} />
      </Stack>
    </form>
  );
}

export function NewPanelDialog({ onMade, onClose }: { onMade: (panel: Panel) => void; onClose: () => void }) {
  const cache = useQueryClient();
  const [key] = useState(() => crypto.randomUUID());
  return (
    <TitleDialog
      heading="New empty panel"
      title=""
      action="Create"
      onClose={onClose}
      onSend={async (title) => {
        const panel = await api.post('/v1/panels', { body: { title }, idempotencyKey: key });
        void cache.invalidateQueries({ queryKey: ['panels', 'list'] });
        onMade(panel);
      }}
    />
  );
}

export function RenamePanelDialog({ panel, onClose }: { panel: Panel; onClose: () => void }) {
  const cache = useQueryClient();
  return (
    <TitleDialog
      heading="Rename the panel"
      title={panel.title}
      action="Rename"
      onClose={onClose}
      onSend={async (title) => {
        const renamed = await api.patch('/v1/panels/{id}', { path: { id: panel.id }, body: { title } });
        cache.setQueryData(panelQuery(panel.id).queryKey, renamed);
        await cache.invalidateQueries({ queryKey: ['panels', 'list'] });
      }}
    />
  );
}

export function DeletePanelDialog({
  panel,
  onClose,
  onDeleted,
}: {
  panel: Panel;
  onClose: () => void;
  onDeleted?: () => void;
}) {
  const cache = useQueryClient();
  const me = useMe();
  return (
    <Confirm
      title={`Delete ${panel.title}?`}
      action="Delete panel"
      {...(panel.rows > 0 ? { typed: panel.title } : {})}
      onClose={onClose}
      onConfirm={async () => {
        await api.delete('/v1/panels/{id}', { path: { id: panel.id } });
        forget(me.tenant.id, { kind: 'panel', id: panel.id });
        onDeleted?.();
        showDone(`${panel.title} was deleted`);
        await cache.invalidateQueries({ queryKey: ['panels', 'list'] });
        cache.removeQueries({ queryKey: panelQuery(panel.id).queryKey, type: 'inactive' });
      }}
    >
      {panel.rows > 0 ? (
        <>
          <b>{plural(panel.rows, 'row')}</b> in {plural(panel.columns.length, 'column')} and the panel's past
          imports are lost for everyone. There is no undo.
        </>
      ) : (
        'It has no rows. There is no undo.'
      )}
    </Confirm>
  );
}
