// A public machine: after a minute without a touch the conversation is gone, on the screen and in the browser.

const WARN = 15; // seconds before the end at which it asks

export function watch(idle, touched) {
  const still = document.getElementById("still");
  const seconds = document.getElementById("seconds");
  const left = document.getElementById("left");
  const clock = document.getElementById("clock");
  const leave = document.getElementById("leave");
  let since = Date.now();
  let ended = false;

  function touch() {
    since = Date.now();
    touched();
    if (still.open) still.close();
    tick();
  }

  function end() {
    ended = true;
    document.getElementById("log").replaceChildren(); // gone from the screen even when the network is down
    document.getElementById("text").value = "";
    leave.requestSubmit();
    setTimeout(() => (ended = false), 5000); // no network: try again
  }

  function tick() {
    const rest = Math.max(0, Math.ceil(idle - (Date.now() - since) / 1000));
    seconds.textContent = left.textContent = rest;
    clock.classList.toggle("soon", rest <= WARN);
    if (rest <= WARN && rest > 0 && !still.open) still.showModal();
    if (rest === 0 && !ended) end();
  }

  for (const event of ["pointerdown", "keydown", "input", "wheel", "touchmove"]) {
    document.addEventListener(event, touch, { passive: true });
  }
  document.getElementById("here").addEventListener("click", touch);
  document.addEventListener("click", (event) => {
    const link = event.target.closest(".links a, .tel, .notice a");
    if (!link) return;
    event.preventDefault(); // no phone and no other pages here: carry on by phone
    const carry = document.getElementById("carry");
    carry.open = true;
    carry.scrollIntoView({ block: "center" });
  });
  document.getElementById("carry").addEventListener("toggle", (event) => {
    if (event.target.open) event.target.querySelector("img").src = `/chat/qr.svg?${Date.now()}`;
  });
  setInterval(tick, 500);
  tick();
}
