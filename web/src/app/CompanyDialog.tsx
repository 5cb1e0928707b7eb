// Makes a further company; its maker owns it.
import { Stack, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { api } from '@/api/client';
import { Dialog } from '@/ui/Dialog';
import { DialogFoot } from '@/ui/DialogFoot';
import { useSend } from '@/ui/form';

interface Props {
  onClose: () => void;
  onMade: (id: string) => void;
}

export function CompanyDialog(props: Props) {
  return (
    <Dialog onClose={props.onClose} title="New company" size={420}>
      <CompanyForm {...props} />
    </Dialog>
  );
}

function CompanyForm({ onClose, onMade }: Props) {
  const form = useForm({
    initialValues: { name: '' },
    validate: { name: (value) => (value.trim() ? null : 'The name is missing') },
  });
  const { error, busy, submit, keys } = useSend(form, async (body) => {
    const made = await api.post('/v1/identity/tenants', { body });
    onMade(made.id);
    onClose();
  });
  return (
    <form onSubmit={submit} noValidate {...keys}>
      <Stack gap="sm">
        <TextInput
          label="Name"
          description="Its panels, members and data are apart from every other company. You become its owner."
          data-autofocus
          {...form.getInputProps('name')}
        />
        <DialogFoot error={error} busy={busy} onClose={onClose} action="Create company" />
      </Stack>
    </form>
  );
}
