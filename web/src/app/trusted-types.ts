// The page's default trusted-types policy: text may become markup only when it cannot hold a tag. Must run before any library.
interface TrustedTypes {
  createPolicy(name: string, rules: Record<string, (input: string) => string>): unknown;
}

const factory = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes;

factory?.createPolicy('default', {
  // Mantine writes its style text through innerHTML; style text holds no `<`.
  createHTML: (input) => {
    if (input.includes('<')) throw new TypeError('markup from text is refused');
    return input;
  },
  createScript: () => {
    throw new TypeError('scripts from text are refused');
  },
  createScriptURL: () => {
    throw new TypeError('scripts by address are refused');
  },
});
