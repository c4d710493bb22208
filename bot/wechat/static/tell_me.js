// Puts the platform's own button on the page: only it may ask for a consent, and only its event counts.
const box = document.getElementById("ask");
const said = document.getElementById("said");
const STYLE = "<style>.ask{width:100%;padding:14px 0;border:0;border-radius:8px;background:#06743a;color:#fff;font-size:17px}</style>";
const BUTTON = '<button class="ask">同意收一条通知</button>';
const ELSEWHERE = "这一页要在微信里打开才能同意。请回到公众号，点聊天里的链接。";

function tell(text) {
  said.textContent = text;
}

// The answers lie as JSON in JSON: {"<template>": "{\"status\": \"accept\"}"}.
function accepted(detail) {
  try {
    const answers = JSON.parse(detail.subscribeDetails ?? "{}");
    return Object.values(answers).filter((one) => (typeof one === "string" ? JSON.parse(one) : one).status === "accept").length;
  } catch {
    return 0;
  }
}

function button(templates) {
  const tag = document.createElement("wx-open-subscribe");
  tag.setAttribute("template", templates);
  for (const [slot, markup] of [["style", STYLE], ["", BUTTON]]) {
    const part = document.createElement("script"); // text for the component, never run
    part.type = "text/wxtag-template";
    if (slot) part.slot = slot;
    part.textContent = markup;
    tag.append(part);
  }
  tag.addEventListener("success", (event) => {
    tell(accepted(event.detail ?? {}) ? "好了。到时候在微信里给您发一条。" : "好的，不发。有消息时您来聊天就能看到。");
  });
  tag.addEventListener("error", () => tell("微信没有弹出来。请退出这一页再打开一次；不行就算了，您来聊天也能看到。"));
  return tag;
}

async function begin() {
  if (!box.dataset.rehearsal && !/MicroMessenger/i.test(navigator.userAgent)) return tell(ELSEWHERE);
  if (typeof wx === "undefined") return tell("微信的脚本没有打开。请检查网络，再打开一次。");
  const page = location.href.split("#")[0];
  const response = await fetch(`/wechat/jssdk?url=${encodeURIComponent(page)}`);
  if (!response.ok) return tell("暂时连不上微信，请过几分钟再打开。");
  wx.ready(() => box.replaceChildren(button(box.dataset.templates)));
  wx.error(() => tell("微信不让这一页弹出同意框。请从公众号的聊天里重新打开。"));
  wx.config({ ...(await response.json()), jsApiList: [], openTagList: ["wx-open-subscribe"] });
  return undefined;
}

document.addEventListener("WeixinOpenTagsError", () => tell("您的微信太旧，弹不出同意框。升级微信后再打开。"));
begin().catch(() => tell("暂时连不上微信，请过几分钟再打开。"));
