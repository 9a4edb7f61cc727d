/** A sentence in which `backticks` mean code, as the API's rules have it. Always as text. */

export function Coded({ text }: { text: string }) {
  return (
    <>
      {text.split('`').map((part, index) => (index % 2 ? <code key={index}>{part}</code> : part))}
    </>
  );
}
