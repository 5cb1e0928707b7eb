// The tokens: neutrals, one accent, states; light and dark. Every colour of text was held against its ground (WCAG AA).
import {
  ActionIcon,
  Button,
  Checkbox,
  type CSSVariablesResolver,
  createTheme,
  Kbd,
  Loader,
  type MantineColorsTuple,
  Menu,
  Modal,
  PasswordInput,
  Popover,
  Portal,
  SegmentedControl,
  Select,
  Switch,
  TagsInput,
  TextInput,
  Tooltip,
} from '@mantine/core';

const accent: MantineColorsTuple = [
  '#eef1fe',
  '#dde3fc',
  '#bcc8fa',
  '#9bacf6',
  '#8094f1',
  '#566de8',
  '#3c53d6',
  '#3245b8',
  '#2a3a96',
  '#222e72',
];
const gray: MantineColorsTuple = [
  '#f8f9fb',
  '#f1f3f6',
  '#e5e8ed',
  '#d4d9e0',
  '#b7bec9',
  '#8b93a0',
  '#5f6773',
  '#474e59',
  '#2f343c',
  '#1a1d23',
];
const red: MantineColorsTuple = [
  '#fdeeee',
  '#fbdcdc',
  '#f5b8b9',
  '#ef9496',
  '#e66e72',
  '#d94850',
  '#c0212c',
  '#a31a25',
  '#85151e',
  '#660f17',
];
const dark: MantineColorsTuple = [
  '#e6e9ee',
  '#b3bac6',
  '#969eac',
  '#6a7280',
  '#383e49',
  '#2a2f38',
  '#1d2128',
  '#111317',
  '#0c0e11',
  '#08090b',
];

/** Width below which the shell changes to one column. */
export const NARROW = '(max-width: 47.99em)';

const small = { defaultProps: { size: 'xs' } } as const;

export const theme = createTheme({
  primaryColor: 'accent',
  primaryShade: 6,
  colors: { accent, gray, red, dark },
  white: '#ffffff',
  black: '#1a1d23',
  autoContrast: false,
  fontFamily: "'Inter Variable', system-ui, sans-serif",
  fontFamilyMonospace: "'JetBrains Mono Variable', ui-monospace, monospace",
  fontSizes: { xs: '13px', sm: '14px', md: '15px', lg: '17px', xl: '20px' },
  lineHeights: { xs: '1.4', sm: '1.43', md: '1.5', lg: '1.4', xl: '1.3' },
  headings: {
    fontWeight: '600',
    sizes: { h1: { fontSize: '20px', lineHeight: '28px' }, h2: { fontSize: '16px', lineHeight: '24px' } },
  },
  spacing: { xs: '8px', sm: '12px', md: '16px', lg: '24px', xl: '32px' },
  radius: { xs: '3px', sm: '5px', md: '7px', lg: '10px', xl: '14px' },
  defaultRadius: 'sm',
  cursorType: 'pointer',
  respectReducedMotion: true,
  focusRing: 'auto',
  components: {
    Button: Button.extend({ defaultProps: { size: 'xs', variant: 'default' } }),
    ActionIcon: ActionIcon.extend({ defaultProps: { size: 28, variant: 'subtle', color: 'gray' } }),
    TextInput: TextInput.extend(small),
    PasswordInput: PasswordInput.extend({
      defaultProps: {
        size: 'xs',
        visibilityToggleButtonProps: { 'aria-label': 'Show the password', tabIndex: 0 },
      },
    }),
    Select: Select.extend({
      defaultProps: {
        size: 'xs',
        allowDeselect: false,
        comboboxProps: { shadow: 'md' },
        checkIconPosition: 'right',
      },
    }),
    TagsInput: TagsInput.extend(small),
    Checkbox: Checkbox.extend(small),
    Switch: Switch.extend(small),
    SegmentedControl: SegmentedControl.extend(small),
    Loader: Loader.extend({ defaultProps: { size: 16, type: 'oval' } }),
    Kbd: Kbd.extend({ defaultProps: { size: 'xs' } }),
    Menu: Menu.extend({
      // The placeholder is a child that a menu may not have.
      defaultProps: {
        shadow: 'md',
        withinPortal: true,
        position: 'bottom-end',
        withInitialFocusPlaceholder: false,
      },
    }),
    // Menus, dialogs and messages stand in a landmark of their own.
    Portal: Portal.extend({ defaultProps: { target: '#overlays' } }),
    Popover: Popover.extend({ defaultProps: { shadow: 'md' } }),
    Tooltip: Tooltip.extend({
      defaultProps: {
        openDelay: 350,
        withArrow: false,
        multiline: true,
        events: { hover: true, focus: true, touch: true },
      },
    }),
    Modal: Modal.extend({
      defaultProps: {
        centered: false,
        yOffset: '12vh',
        transitionProps: { duration: 120 },
        overlayProps: { backgroundOpacity: 0.4 },
        closeButtonProps: { 'aria-label': 'Close' },
        styles: { content: { background: 'var(--wh-raised)' }, header: { background: 'var(--wh-raised)' } },
      },
    }),
  },
});

const LIGHT = {
  bg: '#ffffff',
  surface: '#f8f9fb',
  raised: '#ffffff',
  hover: '#f1f3f6',
  active: '#e8ebf1',
  border: '#e5e8ed',
  'border-strong': '#cdd3db',
  text: '#1a1d23',
  'text-2': '#4f5763',
  'text-3': '#636b78',
  accent: '#3c53d6',
  'accent-text': '#3245b8',
  'accent-soft': '#eef1fe',
  'accent-line': '#bcc8fa',
  ok: '#1a7a3a',
  'ok-soft': '#e9f6ee',
  warn: '#8f5b00',
  'warn-soft': '#fdf4e0',
  bad: '#c0212c',
  'bad-soft': '#fdeeee',
  info: '#0b62b8',
  'info-soft': '#e9f2fc',
  running: '#0b62b8',
  unknown: '#5f6773',
  flash: '#fff3c9',
  shade: 'rgba(20, 25, 40, 0.05)',
};

const DARK: typeof LIGHT = {
  bg: '#111317',
  surface: '#0c0e11',
  raised: '#1a1d23',
  hover: '#1b1e25',
  active: '#252a33',
  border: '#262a32',
  'border-strong': '#3a404b',
  text: '#e6e9ee',
  'text-2': '#b3bac6',
  'text-3': '#949cab',
  accent: '#566de8',
  'accent-text': '#a3b2f8',
  'accent-soft': '#1b2140',
  'accent-line': '#34408a',
  ok: '#4cc274',
  'ok-soft': '#12281a',
  warn: '#e0a73a',
  'warn-soft': '#2c220d',
  bad: '#ff7b7b',
  'bad-soft': '#331618',
  info: '#69b1ff',
  'info-soft': '#10243b',
  running: '#69b1ff',
  unknown: '#949cab',
  flash: '#3a3210',
  shade: 'rgba(0, 0, 0, 0.35)',
};

const named = (tokens: typeof LIGHT) =>
  Object.fromEntries(Object.entries(tokens).map(([name, value]) => [`--wh-${name}`, value]));

export const cssVariablesResolver: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    ...named(LIGHT),
    '--mantine-color-body': LIGHT.bg,
    '--mantine-color-text': LIGHT.text,
    '--mantine-color-dimmed': LIGHT['text-2'],
    '--mantine-color-placeholder': LIGHT['text-3'],
    '--mantine-color-error': LIGHT.bad,
    '--mantine-color-anchor': LIGHT['accent-text'],
    '--mantine-color-default-border': LIGHT['border-strong'],
    '--mantine-color-default-hover': LIGHT.hover,
  },
  dark: {
    ...named(DARK),
    '--mantine-color-body': DARK.bg,
    '--mantine-color-text': DARK.text,
    '--mantine-color-dimmed': DARK['text-2'],
    '--mantine-color-placeholder': DARK['text-3'],
    '--mantine-color-error': DARK.bad,
    '--mantine-color-anchor': DARK['accent-text'],
    '--mantine-color-default': DARK.raised,
    '--mantine-color-default-border': DARK['border-strong'],
    '--mantine-color-default-hover': DARK.active,
    '--mantine-color-default-color': DARK.text,
  },
});
