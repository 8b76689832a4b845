/** The mark: a ship's wheel half above the line of the deck. The same drawing as resources/icons/quarterdeck.svg. */
export function Logo({ size }: { size: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false" className="logo">
      <rect width="32" height="32" rx="7" className="logo-ground" />
      <g fill="none" stroke="#fff" strokeLinecap="round" strokeWidth="2">
        <path d="M8 20.5a8 8 0 0 1 16 0" />
        <path d="M16 12.500V6.500M10.340 14.840 6.100 10.600M21.660 14.840 25.900 10.600" />
        <path d="M5 24.500h22" strokeWidth="2.500" />
      </g>
      <circle cx="16" cy="20.500" r="2.250" fill="#fff" />
    </svg>
  );
}
