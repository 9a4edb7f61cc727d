/** Times as the person chose to see them: in their zone or in UTC, always named. */

import { useAppSelector } from '@/app/hooks';
import { longInstant, relative, shortInstant } from '@/time/format';
import { viewerZone } from '@/time/zones';
import { useNow } from '@/ui/now';

/** The zone in which times are shown. */
export function useShownZone(): string {
  return useAppSelector(({ preferences }) => (preferences.zone === 'utc' ? 'UTC' : viewerZone()));
}

/** `24 Nov 14:03:00 CET`; the exact instant in UTC on hover. */
export function Absolute({ at }: { at: string }) {
  const zone = useShownZone();
  const instant = Date.parse(at);
  const text = useNow((now) => shortInstant(instant, zone, now));
  return (
    <time dateTime={at} title={`${longInstant(instant, zone)}\n${at}`}>
      {text}
    </time>
  );
}

/** `in 4 min 12 s`, kept current. */
export function Relative({ at }: { at: string }) {
  const instant = Date.parse(at);
  return <>{useNow((now) => relative(instant, now))}</>;
}
