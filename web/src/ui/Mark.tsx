// The mark: a ship's wheel.
export function Mark({ size = 22 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" fill="#3451d1" />
      <g fill="none" stroke="#fff" strokeWidth="2.2" strokeLinecap="round">
        <circle cx="16" cy="16" r="6.6" />
        <circle cx="16" cy="16" r="1.6" fill="#fff" stroke="none" />
        <path d="M16 5v7M16 20v7M5 16h7M20 16h7M8.2 8.2l5 5M18.8 18.8l5 5M23.8 8.2l-5 5M13.2 18.8l-5 5" />
      </g>
    </svg>
  );
}
