-- Weights are integers, so that weighted sums are exact. One sequence a scenario: a replication takes the numbers that
-- follow those of the one before.
with scenarios as (

    select * from {{ ref('robustness_scenarios') }}

),

dimensions as (

    select
        dimension_code,
        dimension_no,
        row_number() over (order by dimension_no) as place,
        count(*) over () as dimension_count
    from {{ ref('dim_dimensions') }}

),

-- the suite of the seed knows this bound too
numbers as (

    {{ dbt.generate_series(100000) }}

),

replications as (

    select
        scenarios.scenario,
        scenarios.generator_seed,
        scenarios.spread_percent,
        scenarios.method = 'random_weights' as is_on_simplex,
        cast(numbers.generated_number as bigint) as replication
    from scenarios
    inner join numbers
        on scenarios.replications >= numbers.generated_number
    where scenarios.method in ('random_weights', 'disturbed_weights')

),

numbered as (

    select
        replications.*,
        dimensions.dimension_code,
        dimensions.place,
        dimensions.dimension_count,
        -- the last of the points on the simplex is given: the modulus itself
        (replications.replication - 1)
        * (dimensions.dimension_count - case when replications.is_on_simplex then 1 else 0 end)
        + dimensions.place as draw_no
    from replications
    cross join dimensions

),

draws as (

    select
        scenario,
        replication,
        spread_percent,
        is_on_simplex,
        dimension_code,
        place,
        case
            when is_on_simplex and place = dimension_count then {{ minstd_modulus() }}
            else {{ minstd('generator_seed', 'draw_no') }}
        end as number
    from numbered

),

-- points drawn between 0 and the modulus cut it into pieces, which are evenly distributed weights
pieces as (

    select
        scenario,
        replication,
        row_number() over (partition by scenario, replication order by number) as place,
        number - coalesce(lag(number) over (partition by scenario, replication order by number), 0) as weight
    from draws
    where is_on_simplex

),

weights as (

    select
        pieces.scenario,
        pieces.replication,
        dimensions.dimension_code,
        pieces.weight
    from pieces
    inner join dimensions
        on pieces.place = dimensions.place

    union all

    -- in hundredths of the modulus
    select
        scenario,
        replication,
        dimension_code,
        (100 - spread_percent) * {{ minstd_modulus() }} + 2 * spread_percent * number as weight
    from draws
    where not is_on_simplex

    union all

    select
        scenarios.scenario,
        left_out.dimension_no as replication,
        dimensions.dimension_code,
        case when dimensions.place = left_out.place then 0 else 1 end as weight
    from scenarios
    cross join dimensions as left_out
    cross join dimensions
    where scenarios.method = 'leave_out_dimension' and dimensions.dimension_count > 1

)

select
    scenario,
    cast(replication as integer) as replication,
    dimension_code,
    cast(weight as bigint) as weight,
    round(cast(weight as double) / sum(weight) over (partition by scenario, replication), 9) as weight_share
from weights
