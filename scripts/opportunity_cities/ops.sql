-- The tables of the schema ops. They stand in releases/history.duckdb, where they grow from release to
-- release, and each release holds a copy of them as they were when it was built.

create schema if not exists ops;

create table if not exists ops.releases (
    release_id varchar not null,
    release_no integer not null,
    built_at timestamp not null,
    git_revision varchar not null,
    command varchar not null,
    reason varchar not null,
    compared_with varchar,
    inputs_sha256 varchar not null,
    seconds double not null,
    scores_moved integer not null,
    ranks_moved integer not null,
    rows_moved integer not null,
    withdrawn_at timestamp,
    withdrawn_for varchar,
    is_this_release boolean not null
);
comment on table ops.releases is '发布 / Releases. One row a release that was published, and this one.';
comment on column ops.releases.release_id is '发布编号 / Release. Name of its folder below releases/.';
comment on column ops.releases.release_no is
    '发布序号 / Release number. Counts up by one from release to release, whatever the clock says.';
comment on column ops.releases.built_at is '构建时间 / Built at. Time in UTC.';
comment on column ops.releases.git_revision is
    '代码版本 / Git revision. Commit that was built, `+changes` if files differed from it.';
comment on column ops.releases.command is '命令 / Command. What built it: `build` or `nightly`.';
comment on column ops.releases.reason is
    '原因 / Reason. Why it was built: `first`, `inputs_changed`, `forced` or `current_damaged`.';
comment on column ops.releases.compared_with is
    '对比发布 / Compared with. Release that was current then and that its changes are told against; empty for the first.';
comment on column ops.releases.inputs_sha256 is
    '输入校验和 / Checksum of the inputs. One for all files it was made from: alike if the release would be.';
comment on column ops.releases.seconds is '耗时 / Seconds. From the start of the run until the release was assembled.';
comment on column ops.releases.scores_moved is
    '变动积分数 / Scores moved. Scores of indicators, variables, dimensions and totals that moved, came or went.';
comment on column ops.releases.ranks_moved is
    '变动名次数 / Ranks moved. Total ranks that moved, came or went.';
comment on column ops.releases.rows_moved is
    '变动行数 / Rows moved. Rows by which dimension, fact and scorecard tables grew or shrank, added up.';
comment on column ops.releases.withdrawn_at is
    '撤回时间 / Withdrawn at. When a rollback took it out of service, in UTC; empty if none did.';
comment on column ops.releases.withdrawn_for is
    '撤回后启用 / Withdrawn for. Release that the rollback put in its place.';
comment on column ops.releases.is_this_release is
    '是否本发布 / Is this release. Whether the row is about the file that it stands in.';

create table if not exists ops.release_events (
    event_no integer not null,
    happened_at timestamp not null,
    event varchar not null,
    release_id varchar not null,
    detail varchar not null
);
comment on table ops.release_events is
    '发布事件 / Events. One row a thing that happened to a release; what comes after this one was built is in later releases.';
comment on column ops.release_events.event_no is '事件序号 / Event number. Counts up by one.';
comment on column ops.release_events.happened_at is '时间 / Time. In UTC.';
comment on column ops.release_events.event is
    '事件 / Event. `published`, `blocked`, `accepted`, `rejected`, `rolled_back`, `pinned`, `unpinned`, `pruned` or `damaged`.';
comment on column ops.release_events.release_id is
    '发布编号 / Release. Release or candidate that it happened to.';
comment on column ops.release_events.detail is '说明 / Detail. More about it, in words; may be empty.';

create table if not exists ops.build_steps (
    release_id varchar not null,
    step_no integer not null,
    kind varchar not null,
    step varchar not null,
    seconds double not null,
    row_count bigint,
    memory_mb double
);
comment on table ops.build_steps is
    '构建步骤 / Build steps. One row a step of the run that made a release, and a seed or model that dbt built in it.';
comment on column ops.build_steps.release_id is '发布编号 / Release. Release that was built.';
comment on column ops.build_steps.step_no is '步骤序号 / Step number. Order within the release.';
comment on column ops.build_steps.kind is
    '类别 / Kind. `step` of the run, or `seed`, `model` or `test` of dbt.';
comment on column ops.build_steps.step is '步骤 / Step. Its name.';
comment on column ops.build_steps.seconds is '耗时 / Seconds. How long it took.';
comment on column ops.build_steps.row_count is
    '行数 / Rows. Rows, files or checks that it dealt with; empty where nothing is counted.';
comment on column ops.build_steps.memory_mb is
    '内存峰值 / Peak memory. Most memory that the step''s process had by its end, in MB; empty for nodes of dbt.';

create table if not exists ops.expectation_runs (
    release_id varchar not null,
    table_name varchar not null,
    expectation varchar not null,
    column_names varchar not null,
    arguments varchar not null,
    success boolean not null,
    observed varchar not null,
    unexpected_count integer not null
);
comment on table ops.expectation_runs is
    '期望检验历史 / Expectation runs. One row an expectation and release.';
comment on column ops.expectation_runs.release_id is '发布编号 / Release. Release that was checked.';
comment on column ops.expectation_runs.table_name is '表名 / Table. Schema and name of the table.';
comment on column ops.expectation_runs.expectation is
    '期望 / Expectation. Name of the expectation in Great Expectations.';
comment on column ops.expectation_runs.column_names is
    '列 / Columns. Columns that the expectation looks at; empty for the whole table.';
comment on column ops.expectation_runs.arguments is '参数 / Arguments. Its other arguments.';
comment on column ops.expectation_runs.success is '通过 / Success. Whether the table met it.';
comment on column ops.expectation_runs.observed is
    '观测值 / Observed. Value that was observed, for expectations about the whole table.';
comment on column ops.expectation_runs.unexpected_count is
    '不符行数 / Unexpected rows. Number of rows that did not meet it.';

create table if not exists ops.input_files (
    release_id varchar not null,
    path varchar not null,
    kind varchar not null,
    sha256 varchar not null,
    change varchar not null,
    detail varchar not null
);
comment on table ops.input_files is
    '输入文件 / Input files. One row a release and file that it was made from, that came in for it, or that was gone.';
comment on column ops.input_files.release_id is '发布编号 / Release. Release that was made.';
comment on column ops.input_files.path is
    '路径 / Path. Path below the project; for a file that came in, its name.';
comment on column ops.input_files.kind is
    '类别 / Kind. `seed`, `model`, `check`, `code`, `package`, `page` or `incoming`.';
comment on column ops.input_files.sha256 is
    '校验和 / Checksum. SHA-256 of the file as it was read; of a file that was gone, as it had been.';
comment on column ops.input_files.change is
    '变化 / Change. Against the release compared with: `added`, `changed`, `removed` or `same`.';
comment on column ops.input_files.detail is
    '说明 / Detail. For a file that came in: figures in it, new, changed, and the seeds that they went to.';

create table if not exists ops.release_changes (
    release_id varchar not null,
    compared_with varchar not null,
    table_name varchar not null,
    edition varchar,
    city_code varchar,
    code varchar,
    measure varchar not null,
    change varchar not null,
    old_value double,
    new_value double,
    cause varchar not null,
    cause_detail varchar not null,
    input_paths varchar not null
);
comment on table ops.release_changes is
    '发布变动 / Changes. One row a score, rank, tier or value that differs from the release compared with, and a table whose number of rows does.';
comment on column ops.release_changes.release_id is '发布编号 / Release. Release that holds the new value.';
comment on column ops.release_changes.compared_with is
    '对比发布 / Compared with. Release that holds the old value.';
comment on column ops.release_changes.table_name is '表名 / Table. Schema and name of the table.';
comment on column ops.release_changes.edition is
    '版本 / Edition. Edition of the figure; empty for a number of rows.';
comment on column ops.release_changes.city_code is
    '城市代码 / City code. City of the figure; empty for a number of rows.';
comment on column ops.release_changes.code is
    '代码 / Code. Dimension, variable or indicator of the figure; empty for totals and numbers of rows.';
comment on column ops.release_changes.measure is
    '量 / Measure. `score`, `rank`, `tier`, `value` or `rows`.';
comment on column ops.release_changes.change is
    '变化 / Change. `moved`, `added` (no old figure) or `removed` (no new one).';
comment on column ops.release_changes.old_value is '旧值 / Old value. In the release compared with.';
comment on column ops.release_changes.new_value is '新值 / New value. In this release.';
comment on column ops.release_changes.cause is
    '原因 / Cause. Nearest changed input that can move it: `own_figures`, `figures_of_other_cities`, `printed_tables`, `reference_data`, `code` or `unexplained`; empty for a number of rows.';
comment on column ops.release_changes.cause_detail is
    '原因说明 / Cause, in detail. Statistics that changed, or how many files.';
comment on column ops.release_changes.input_paths is
    '输入路径 / Input paths. Files behind the cause, as in ops.input_files, with commas between them.';
