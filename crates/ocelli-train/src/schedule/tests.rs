use serde::Deserialize;

use super::*;

/// Both sides compute in double precision; PyTorch multiplies step by step.
const TOLERANCE: f64 = 1e-12;

#[derive(Deserialize)]
struct Reference {
    base: f64,
    length: u64,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    recipe: serde_json::Value,
    rates: Vec<f64>,
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("../../../../fixtures/train/schedules.json")).unwrap()
}

/// The case's recipe, with its warm-up under the key of a unit.
fn config(case: &Case, per: Unit) -> ScheduleConfig {
    let mut recipe = case.recipe.as_object().unwrap().clone();
    if let Some(warmup) = recipe.remove("warmup") {
        let key = if per == Unit::Step { "warmup_steps" } else { "warmup_epochs" };
        recipe.insert(key.to_owned(), warmup);
    }
    let config: ScheduleConfig = serde_json::from_value(recipe.into()).unwrap();
    ScheduleConfig { per: Some(per), ..config }
}

fn assert_close(found: f64, expected: f64, what: &str) {
    assert!((found - expected).abs() <= TOLERANCE, "{what}: found {found}, expected {expected}");
}

fn schedule(recipe: &str, epochs: u64, steps_per_epoch: u64) -> Result<Schedule, ConfigError> {
    Schedule::new(&toml::from_str(recipe).unwrap(), 1.0, epochs, steps_per_epoch)
}

#[test]
fn a_schedule_per_epoch_follows_pytorch_epoch_by_epoch() {
    let reference = reference();
    for case in &reference.cases {
        let config = config(case, Unit::Epoch);
        let schedule = Schedule::new(&config, reference.base, reference.length, 7).unwrap();
        for (epoch, expected) in (0u64..).zip(&case.rates) {
            for step in [0, 3, 6] {
                let found = schedule.learning_rate(7 * epoch + step);
                assert_close(found, *expected, &format!("{}, epoch {epoch}", case.name));
            }
        }
    }
}

#[test]
fn a_schedule_per_step_follows_pytorch_step_by_step() {
    let reference = reference();
    assert_eq!(reference.length, 13);
    for case in &reference.cases {
        // 13 steps, as 13 epochs of one step and as one epoch of 13.
        for (epochs, steps_per_epoch) in [(13, 1), (1, 13)] {
            let config = config(case, Unit::Step);
            let schedule = Schedule::new(&config, reference.base, epochs, steps_per_epoch).unwrap();
            for (step, expected) in (0u64..).zip(&case.rates) {
                let found = schedule.learning_rate(step);
                assert_close(found, *expected, &format!("{}, step {step}", case.name));
            }
        }
    }
}

#[test]
fn past_its_end_a_schedule_keeps_its_last_value() {
    for name in ["cosine", "polynomial"] {
        let schedule = schedule(&format!("name = \"{name}\"\nmin_lr = 0.25"), 3, 10).unwrap();
        assert_close(schedule.learning_rate(30), 0.25, name);
        assert_close(schedule.learning_rate(1000), 0.25, name);
        assert_close(schedule.learning_rate(u64::MAX), 0.25, name);
    }
}

#[test]
fn a_warm_up_of_half_an_epoch_is_counted_in_steps() {
    let recipe = "name = \"cosine\"\nwarmup_epochs = 0.5\nwarmup_start_factor = 0.5";
    let by_epochs = schedule(recipe, 4, 10).unwrap();
    let recipe = "name = \"cosine\"\nwarmup_steps = 5\nwarmup_start_factor = 0.5";
    assert_eq!(by_epochs, schedule(recipe, 4, 10).unwrap());
    assert_close(by_epochs.learning_rate(0), 0.5, "start");
    assert_close(by_epochs.learning_rate(1), 0.6, "a fifth of the way");
    assert_close(by_epochs.learning_rate(5), 1.0, "end of warm-up");
}

#[test]
fn a_warm_up_in_steps_multiplies_a_schedule_per_epoch_without_shifting_it() {
    let recipe = "name = \"multi_step\"\nmilestones = [1]\nwarmup_steps = 20\n\
                  warmup_start_factor = 0.5";
    let schedule = schedule(recipe, 3, 10).unwrap();
    assert_close(schedule.learning_rate(0), 0.5, "start");
    assert_close(schedule.learning_rate(9), 0.725, "end of the first epoch");
    assert_close(schedule.learning_rate(10), 0.075, "the drop comes on time");
    assert_close(schedule.learning_rate(20), 0.1, "end of warm-up");
}

#[test]
fn a_warm_up_as_long_as_the_run_is_refused() {
    let error = schedule("name = \"cosine\"\nwarmup_epochs = 3", 3, 10).unwrap_err();
    assert_eq!(error.key(), "warmup_epochs");
    let error = schedule("name = \"step\"\nstep_size = 1\nwarmup_steps = 30", 3, 10).unwrap_err();
    assert_eq!(error.key(), "warmup_steps");
    assert!(error.to_string().contains("30 steps long"), "{error}");
    assert!(schedule("name = \"cosine\"\nwarmup_steps = 29", 3, 10).is_ok());
}

#[test]
fn a_run_without_epochs_or_steps_has_a_learning_rate() {
    for (epochs, steps_per_epoch) in [(0, 0), (0, 10), (1, 0)] {
        let schedule = schedule("name = \"cosine\"", epochs, steps_per_epoch).unwrap();
        assert!(schedule.learning_rate(0).is_finite());
    }
}

fn resolved(recipe: &str) -> Result<ScheduleConfig, ConfigError> {
    toml::from_str::<ScheduleConfig>(recipe).unwrap().resolved()
}

#[test]
fn defaults_are_written_out() {
    let text = |recipe| toml::to_string(&resolved(recipe).unwrap()).unwrap();
    assert_eq!(text(""), "name = \"constant\"\nper = \"epoch\"\nwarmup_epochs = 0.0\n");
    assert_eq!(
        text("name = \"cosine\"\nwarmup_epochs = 5"),
        "name = \"cosine\"\nper = \"step\"\nmin_lr = 0.0\nwarmup_epochs = 5.0\n\
         warmup_start_factor = 0.01\n"
    );
    assert_eq!(
        text("name = \"step\"\nstep_size = 30\nwarmup_steps = 500"),
        "name = \"step\"\nper = \"epoch\"\nstep_size = 30\ngamma = 0.1\nwarmup_steps = 500\n\
         warmup_start_factor = 0.01\n"
    );
}

#[test]
fn a_resolved_configuration_resolves_to_itself() {
    for case in reference().cases {
        for per in [Unit::Epoch, Unit::Step] {
            let once = config(&case, per).resolved().unwrap();
            assert_eq!(once.resolved().unwrap(), once, "{}", case.name);
        }
    }
}

#[test]
fn keys_that_do_not_fit_are_refused_by_name() {
    for (recipe, key) in [
        ("gamma = 0.1", "gamma"),
        ("name = \"cosine\"\nstep_size = 3", "step_size"),
        ("name = \"cosine\"\npower = 2.0", "power"),
        ("name = \"step\"\nstep_size = 3\nmilestones = [1]", "milestones"),
        ("name = \"step\"\nstep_size = 3\nmin_lr = 0.1", "min_lr"),
        ("name = \"step\"", "step_size"),
        ("name = \"step\"\nstep_size = 0", "step_size"),
        ("name = \"multi_step\"", "milestones"),
        ("name = \"multi_step\"\nmilestones = []", "milestones"),
        ("name = \"multi_step\"\nmilestones = [3, 2]", "milestones"),
        ("name = \"multi_step\"\nmilestones = [0, 2]", "milestones"),
        ("name = \"exponential\"", "gamma"),
        ("name = \"exponential\"\ngamma = 1.5", "gamma"),
        ("name = \"cosine\"\nmin_lr = -1.0", "min_lr"),
        ("name = \"polynomial\"\npower = 0.0", "power"),
        ("warmup_start_factor = 0.1", "warmup_start_factor"),
        ("warmup_epochs = 2\nwarmup_start_factor = 0.0", "warmup_start_factor"),
        ("warmup_epochs = -1", "warmup_epochs"),
        ("warmup_epochs = nan", "warmup_epochs"),
        ("warmup_epochs = 1\nwarmup_steps = 5", "warmup_steps"),
    ] {
        let error = resolved(recipe).expect_err(recipe);
        assert_eq!(error.key(), key, "{recipe}: {error}");
    }
}
