// The declaration form: rows for family members, a draft that survives a lost connection, sending that tries again.
// Without this script the form works as a plain one. Numbers of papers and phones are never kept in the draft.
'use strict';
(() => {
  const form = document.querySelector('form[data-draft]');
  if (!form) return;
  const KEEP = /^(p\d+-(name|relation|paper)|moved_in|alone)$/;
  const draftKey = 'draft:' + form.dataset.draft;
  const members = form.querySelector('[data-members]');
  const template = form.querySelector('[data-member-template]');
  const add = form.querySelector('[data-add]');
  const status = form.querySelector('[data-status]');
  const send = form.querySelector('[data-send]');
  let next = Number(add.dataset.next);

  function showPaper(select) {
    const holder = select.closest('fieldset');
    holder.querySelectorAll('[data-for]').forEach((part) => {
      part.hidden = !part.dataset.for.split(' ').includes(select.value);
    });
  }
  function wire(scope) {
    scope.querySelectorAll('[data-paper]').forEach((select) => {
      showPaper(select);
      select.addEventListener('change', () => showPaper(select));
    });
    scope.querySelectorAll('[data-remove]').forEach((button) => {
      button.hidden = false;
      button.addEventListener('click', () => { button.closest('[data-member]').remove(); needs(); keep(); });
    });
  }
  function addMember(index) {
    const holder = document.createElement('div');
    holder.innerHTML = template.innerHTML.replaceAll('pN-', 'p' + index + '-');
    const row = holder.firstElementChild;
    members.append(row);
    wire(row);
    next = Math.max(next, index + 1);
    needs();
    return row;
  }
  function ageOf(text) {
    const born = /^\d{17}[\dXx]$/.test(text) ? [text.slice(6, 10), text.slice(10, 12), text.slice(12, 14)] : text.split('-');
    const day = new Date(Number(born[0]), Number(born[1]) - 1, Number(born[2]));
    return Number.isNaN(day.getTime()) ? null : (Date.now() - day.getTime()) / 31557600000;
  }
  // Show the two further consents only where they are needed.
  function needs() {
    let child = false;
    let other = form.querySelectorAll('.known input:checked:not([data-self])').length > 0;
    if (other) child = true;
    members.querySelectorAll('[data-member]').forEach((row) => {
      const value = (name) => { const found = row.querySelector('[name$="-' + name + '"]'); return found ? found.value.trim() : ''; };
      const paper = value('paper');
      const age = ageOf(paper === 'id' ? value('number') : value('born'));
      if (age !== null ? age < 14 : value('relation') === 'child') child = true;
      if (age === null ? value('relation') !== 'child' : age >= 14) other = true;
    });
    form.querySelector('[data-needs=child]').hidden = !child;
    form.querySelector('[data-needs=other]').hidden = !other;
  }
  function keep() {
    const kept = {};
    new FormData(form).forEach((value, name) => { if (KEEP.test(name) && value) kept[name] = value; });
    try { sessionStorage.setItem(draftKey, JSON.stringify(kept)); } catch { /* private windows keep nothing */ }
  }
  function restore() {
    let kept = null;
    try { kept = JSON.parse(sessionStorage.getItem(draftKey) || 'null'); } catch { return; }
    if (!kept || form.querySelector('[aria-invalid]')) return;
    Object.keys(kept).forEach((name) => {
      const row = /^p(\d+)-/.exec(name);
      if (row && row[1] !== '0' && !form.elements[name] && name.endsWith('-name')) addMember(Number(row[1]));
    });
    Object.entries(kept).forEach(([name, value]) => {
      const field = form.elements[name];
      if (!field) return;
      if (field instanceof RadioNodeList || field.type !== 'hidden') field.value = value;
    });
    form.querySelectorAll('[data-paper]').forEach(showPaper);
    needs();
  }
  function showFaults(faults) {
    form.querySelectorAll('.fault').forEach((place) => { place.textContent = ''; });
    form.querySelectorAll('.wrong').forEach((place) => place.classList.remove('wrong'));
    form.querySelectorAll('[aria-invalid]').forEach((field) => field.removeAttribute('aria-invalid'));
    Object.entries(faults).forEach(([name, words]) => {
      const place = document.getElementById(name + '-fault') || document.getElementById('form-fault');
      place.textContent = words;
      const field = document.getElementById(name);
      if (field) {
        field.setAttribute('aria-invalid', 'true');
        const holder = field.closest('.field');
        if (holder) { holder.classList.add('wrong'); holder.hidden = false; }
      }
    });
    const first = form.querySelector('[aria-invalid=true]') || form.querySelector('.fault:not(:empty)');
    if (first) { first.focus(); first.scrollIntoView({ block: 'center' }); }
    status.textContent = Object.keys(faults).length ? '有' + Object.keys(faults).length + '处要改，标出来了。' : '';
  }
  async function submit() {
    send.disabled = true;
    for (let attempt = 0; ; attempt += 1) {
      status.textContent = attempt ? '没有网络，填的都还在这一页；连上以后自动再交，不会交两次。' : '正在提交…';
      try {
        const answer = await fetch(form.action, { method: 'POST', body: new FormData(form), headers: { Accept: 'application/json' } });
        const found = await answer.json();
        if (found.next) {
          try { sessionStorage.removeItem(draftKey); } catch { /* nothing was kept */ }
          location.assign(found.next);
          return;
        }
        if (found.faults) { showFaults(found.faults); break; }
        if (!found.again) { showFaults({ form: found.error || '没有成功，请再试一次' }); break; }
      } catch { /* the line is down: wait and try again with the same key */ }
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, Math.min(1500 * (attempt + 1), 15000));
        window.addEventListener('online', () => { clearTimeout(timer); resolve(); }, { once: true });
      });
    }
    send.disabled = false;
  }

  add.hidden = false;
  add.addEventListener('click', () => {
    if (members.querySelectorAll('[data-member]').length >= Number(add.dataset.most)) { status.textContent = '一张表最多这么多人；人多请到总台登记。'; return; }
    addMember(next).querySelector('input').focus();
  });
  form.addEventListener('input', () => { needs(); keep(); });
  form.addEventListener('submit', (event) => { event.preventDefault(); submit(); });
  wire(form);
  restore();
  needs();
})();
