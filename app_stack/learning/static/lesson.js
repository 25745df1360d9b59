// The player: resumes where the learner left off on whatever device, and saves every five seconds.
// A save that fails is sent again with the same number, so that the server counts it once.
'use strict';
(() => {
  const SAVE_EVERY_MILLISECONDS = 5000;
  const RETRY_MILLISECONDS = 2000;
  // An answer that has not come by then is asked for again under the same number: its edge may be gone.
  const ANSWER_MILLISECONDS = 2500;
  const video = document.getElementById('video');
  const status = document.getElementById('status');
  const token = document.querySelector('[name=csrfmiddlewaretoken]').value;
  const device = /Mobi|Android/.test(navigator.userAgent) ? 'phone' : 'computer';
  let saved = -1;
  let pending = null;

  function play(position) {
    const seek = () => { if (position > 0 && position < video.duration - 1) { video.currentTime = position; } };
    video.addEventListener('loadedmetadata', seek, { once: true });
    if (window.Hls && window.Hls.isSupported()) {
      const hls = new window.Hls({ startPosition: position > 0 ? position : -1, enableWorker: false });
      hls.loadSource(video.dataset.playlist);
      hls.attachMedia(video);
      hls.on(window.Hls.Events.ERROR, (event, data) => {
        if (data.fatal && data.type === window.Hls.ErrorTypes.NETWORK_ERROR) {
          setTimeout(() => hls.loadSource(video.dataset.playlist), RETRY_MILLISECONDS);
        }
      });
    } else {
      video.src = video.dataset.playlist;
    }
  }

  function newNumber() {
    if (crypto.randomUUID) { return crypto.randomUUID(); }
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 15) | 64;
    bytes[8] = (bytes[8] & 63) | 128;
    const text = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
    return text.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5');
  }

  async function send(report) {
    const answer = await fetch(video.dataset.progress, {
      method: 'PUT', keepalive: true, credentials: 'same-origin',
      headers: { 'Content-Type': 'application/json', 'X-CSRFToken': token },
      body: JSON.stringify(report), signal: AbortSignal.timeout(ANSWER_MILLISECONDS),
    });
    if (answer.status >= 500 || answer.status === 429) { throw new Error('try again'); }
    return answer.ok;
  }

  async function save() {
    const position = Math.round(video.currentTime * 1000) / 1000;
    if (pending || position === saved) { return; }
    pending = { event_id: newNumber(), position_seconds: position, device };
    for (;;) {
      try {
        if (await send(pending)) { saved = pending.position_seconds; status.textContent = video.dataset.saved; }
        break;
      } catch (error) {
        status.textContent = video.dataset.waiting;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MILLISECONDS));
      }
    }
    pending = null;
    if (video.ended && saved < video.currentTime - 0.5) { save(); }
  }

  setInterval(() => { if (!video.paused) { save(); } }, SAVE_EVERY_MILLISECONDS);
  video.addEventListener('pause', save);
  video.addEventListener('ended', save);
  document.addEventListener('visibilitychange', () => { if (document.hidden && video.currentTime > 0) { save(); } });

  fetch(video.dataset.progress, { credentials: 'same-origin' })
    .then((answer) => (answer.ok ? answer.json() : { position_seconds: 0 }))
    .catch(() => ({ position_seconds: 0 }))
    .then((progress) => play(progress.position_seconds));
})();
