// How every suite here runs a case: one line of JSON, with its name and what was wrong.

export async function report(name, run) {
  let problem = null;
  try {
    await run();
  } catch (error) {
    problem = String(error.stack ?? error);
  }
  console.log(JSON.stringify({ name, problem }));
}
