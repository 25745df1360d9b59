// Signed addresses of restricted media: /signed/<until when>/<signature>/<ladder>/<file>.
// The signature covers until when and which ladder, so one signature is good for a playlist and all that it names.
// What is behind it is fetched and cached under /restricted/, without the signature: everybody shares the bytes, after
// their own check.
import crypto from 'crypto';

function sign(key, expires, ladder) {
  return crypto.createHmac('sha256', key).update(`${expires}/${ladder}`).digest('hex');
}

// Takes as long for a signature that is nearly right as for one that is all wrong.
function same(one, other) {
  if (one.length !== other.length) { return false; }
  let difference = 0;
  for (let place = 0; place < one.length; place++) { difference |= one.charCodeAt(place) ^ other.charCodeAt(place); }
  return difference === 0;
}

// Return why an address is refused, or '' if it is good. Times are seconds since 1970.
function refusal(given, keys, now, lifetime, skew) {
  // With an empty key anybody could sign.
  const good = keys.some((key) => key && same(sign(key, given.expires, given.ladder), given.signature));
  if (!good) { return 'signature'; }
  if (Number(given.expires) + skew < now) { return 'expired'; }
  if (Number(given.expires) > now + lifetime + skew) { return 'too far ahead'; }
  return '';
}

function serve(request) {
  const variables = request.variables;
  const given = {
    expires: variables.signed_expires, signature: variables.signed_signature, ladder: variables.signed_ladder,
  };
  const keys = variables.media_signing_keys.split(',');
  const reason = refusal(
    given, keys, Date.now() / 1000, Number(variables.media_signed_seconds), Number(variables.media_clock_skew_seconds),
  );
  if (reason) {
    request.error(`signed address refused: ${reason}, ladder ${given.ladder.slice(0, 12)}`);
    request.headersOut['Cache-Control'] = 'no-store';
    request.return(403);
    return;
  }
  request.internalRedirect(`/restricted/${given.ladder}/${variables.signed_rest}`);
}

export default { serve, sign, refusal };
