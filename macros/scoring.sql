{#-
The ranking rules of the index, each a plain SQL expression; what each does is told in _macros.yml.
They hold for any number of cities, and their arguments are SQL expressions, so that direction and
rules may differ from row to row. NULL is not known: it is never ranked, never counted, and scores NULL.
The partitions keep NULLs to themselves, so no engine's order of NULLs matters.
-#}

{% macro directed_value(value, direction) -%}
    {#- rounded: sums of floating numbers that should be equal, are -#}
    round(
        case {{ direction }}
            when 'higher' then {{ value }}
            when 'lower' then -({{ value }})
            when 'nearest_to_zero' then -abs({{ value }})
        end, 9
    )
{%- endmacro %}

{% macro competition_rank(value, partition_by) -%}
    case when {{ value }} is not null then
        rank() over (
            partition by {{ partition_by }}, case when {{ value }} is null then 1 else 0 end
            order by {{ value }} desc
        )
    end
{%- endmacro %}

{% macro rank_score(value, tie_rule, partition_by) -%}
    case when {{ value }} is null then null
        when {{ tie_rule }} = 'better' then
            count({{ value }}) over (partition by {{ partition_by }})
            + 1 - {{ competition_rank(value, partition_by) }}
        when {{ tie_rule }} = 'worse' then
            rank() over (
                partition by {{ partition_by }}, case when {{ value }} is null then 1 else 0 end
                order by {{ value }}
            )
    end
{%- endmacro %}

{% macro variable_score(value, scoring_method, tie_rule, is_listed, partition_by) -%}
    {%- set listed_value = '(case when ' ~ is_listed ~ ' then ' ~ value ~ ' end)' -%}
    case {{ scoring_method }}
        when 'rank' then {{ rank_score(value, tie_rule, partition_by) }}
        when 'listed_rank' then
            case when {{ is_listed }} then
                {{ rank_score(listed_value, tie_rule, partition_by) }}
                {#- cities that are not listed stand behind every listed one #}
                + count(case when not {{ is_listed }} then 1 end) over (partition by {{ partition_by }})
                when not {{ is_listed }} then 1
            end
        when 'level_points' then {{ value }}
    end
{%- endmacro %}

{% macro weighted_score(score, weight) -%}
    round(sum({{ weight }} * {{ score }}) * count(*) / sum({{ weight }}), 9)
{%- endmacro %}
