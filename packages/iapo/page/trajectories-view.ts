import type { PageData, PageTrajectory, PageTurn } from '../src/report/page-data';
import { drawing, element, section, show, table } from './dom';
import { pictureView } from './picture-view';
import { promptView, shareBars } from './prompt-view';

/** Rollouts to page through: buttons, a list of steps, or the arrow keys. */
export function trajectoriesView(data: PageData): HTMLElement | null {
  const { trajectories, omittedTrajectories } = data;
  if (trajectories.length === 0) return null;
  let at = 0;
  let who: 'student' | 'teacher' = 'student';
  const body = element('div', { attributes: { 'aria-live': 'polite' } });
  const position = element('output');
  const button = (text: string, label: string, move: number): HTMLButtonElement => {
    const node = element('button', { text, attributes: { type: 'button', 'aria-label': label } });
    node.addEventListener('click', () => go(at + move));
    return node;
  };
  const [previous, next] = [
    button('‹ previous', 'Previous trajectory', -1),
    button('next ›', 'Next trajectory', 1),
  ];
  const steps = [...new Set(trajectories.map(({ step }) => step))];
  const select = element(
    'select',
    { attributes: { 'aria-label': 'Step' } },
    steps.map((step) =>
      element('option', { text: `step ${step}`, attributes: { value: String(step) } }),
    ),
  );
  select.addEventListener('change', () =>
    go(trajectories.findIndex(({ step }) => step === Number(select.value))),
  );
  const toggle = element('button', { attributes: { type: 'button' } });
  toggle.addEventListener('click', () => {
    who = who === 'student' ? 'teacher' : 'student';
    go(at);
  });

  function go(index: number): void {
    at = Math.min(trajectories.length - 1, Math.max(0, index));
    const trajectory = trajectories[at];
    if (trajectory === undefined) return;
    previous.disabled = at === 0;
    next.disabled = at === trajectories.length - 1;
    select.value = String(trajectory.step);
    position.textContent = `${at + 1} of ${trajectories.length}`;
    toggle.hidden = trajectory.teacher === null || trajectory.student === null;
    toggle.textContent =
      who === 'student' ? 'show the teacher’s scores' : 'show the student’s scores';
    body.replaceChildren(...trajectoryView(trajectory, data, who));
  }
  go(0);

  const node = section('trajectories', 'Trajectories', [
    element('div', { class: 'pager' }, [previous, next, select, position, toggle]),
    element('p', {
      class: 'note',
      text: `Left and right page through them.${omittedTrajectories > 0 ? ` ${omittedTrajectories} more are in the run folder; they would make this file too large.` : ''}`,
    }),
    body,
  ]);
  node.addEventListener('keydown', (event) => {
    if (event.target instanceof HTMLSelectElement) return;
    if (event.key === 'ArrowRight') go(at + 1);
    else if (event.key === 'ArrowLeft') go(at - 1);
    else return;
    event.preventDefault();
  });
  return node;
}

function trajectoryView(
  trajectory: PageTrajectory,
  { pictures }: PageData,
  who: 'student' | 'teacher',
): Node[] {
  const { student, teacher, outcome } = trajectory;
  const explanation = (who === 'teacher' ? teacher : student) ?? student ?? teacher;
  const verdict = outcome === null ? 'not scorable' : outcome >= 1 ? 'right' : 'wrong';
  const head = element('p', { class: 'head' }, [
    element('strong', { text: trajectory.taskId }),
    document.createTextNode(` step ${trajectory.step}, rollout ${trajectory.sample + 1} `),
    element('span', { class: `badge ${verdict.replace(' ', '-')}`, text: verdict }),
  ]);
  const figures = trajectory.pictures.flatMap((key, index) => {
    const picture = pictures[key];
    if (picture === undefined) return [];
    const isTask = index < trajectory.taskPictures;
    const caption = isTask ? `picture ${index + 1}` : `picture ${index + 1}, made by a tool`;
    return [pictureView(picture, caption, isTask ? (explanation?.overlays[index] ?? null) : null)];
  });
  const facts = table(
    'Reward',
    trajectory.rewards.map(([name]) => name),
    [trajectory.rewards.map(([, value]) => value)],
  );
  return [
    head,
    ...(trajectory.question === null
      ? []
      : [element('p', { class: 'question', text: trajectory.question })]),
    element('div', { class: 'pictures' }, figures),
    ...(explanation === null
      ? [
          element('p', {
            class: 'note',
            text: `No explanation: ${trajectory.missing ?? 'none was made'}`,
          }),
        ]
      : [
          element('p', {
            class: 'note',
            text: `Shaded by ${explanation.model}, ${explanation.method}; relative completeness delta ${show(explanation.relativeDelta)}`,
          }),
          promptView(explanation),
        ]),
    ...(student === null ? [] : [shareBars(student, teacher)]),
    ...trajectory.turns.map(turnView),
    element('dl', {}, [
      element('dt', { text: 'answer' }),
      element('dd', { text: trajectory.answer ?? 'none' }),
      element('dt', { text: 'right answers' }),
      element('dd', { text: trajectory.answers.join(' | ') }),
    ]),
    facts,
  ];
}

function turnView({ author, text, logprobs, outcomes }: PageTurn): HTMLElement {
  return element('div', { class: `turn ${author}` }, [
    element('h3', { text: author === 'model' ? 'Model' : 'Tool' }),
    element('pre', { text }),
    ...(logprobs.length === 0 ? [] : [logprobBars(logprobs)]),
    ...outcomes.map((outcome) => element('p', { class: 'outcome', text: outcome })),
  ]);
}

/** Surprise of each sampled token, −log p in nats. */
function logprobBars(logprobs: readonly number[]): HTMLElement {
  const largest = Math.max(...logprobs.map((value) => -value));
  // Never more than one nat over the whole height: a sure token must look sure.
  const scale = 20 / Math.max(1, largest);
  const sum = logprobs.reduce((total, value) => total + value, 0);
  const bars = logprobs.map((value, index) =>
    drawing(
      'rect',
      {
        class: 'surprise',
        attributes: {
          x: String(index),
          width: '0.8',
          y: String(20 + scale * value),
          height: String(-scale * value),
        },
      },
      [drawing('title', { text: `token ${index + 1}: log p = ${show(value)}` })],
    ),
  );
  return element('figure', { class: 'surprises' }, [
    drawing(
      'svg',
      {
        attributes: {
          viewBox: `0 0 ${logprobs.length} 20`,
          width: String(Math.min(480, 14 * logprobs.length)),
          preserveAspectRatio: 'none',
          role: 'img',
          'aria-label': 'Surprise of each sampled token',
        },
      },
      bars,
    ),
    element('figcaption', {
      text: `log p of ${logprobs.length} tokens: sum ${show(sum)}, least ${show(-largest)}`,
    }),
  ]);
}
